SELECT scope AS run, title, phase, outcome, reason, submitted_at, ended_at, spent_usd, spent_tokens, tree, commit_id, folder,
       branch, release_ref, shadow_of, override_of,
       (SELECT o.scope FROM manager.run o WHERE o.override_of = r.scope ORDER BY o.submitted_at DESC LIMIT 1)
           AS overridden_by
FROM manager.run r WHERE scope = $1
