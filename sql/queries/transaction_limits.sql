SELECT set_config('idle_in_transaction_session_timeout', $1, true),
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL THEN set_config('transaction_timeout', $2, true) END
