SELECT pg_advisory_xact_lock(hashtext('aura.consumer'), hashtext($1))
