SELECT scope AS run, title, phase, outcome, reason, submitted_at, ended_at, spent_usd, spent_tokens, tree, commit_id, folder,
       branch, release_ref, shadow_of, override_of
FROM manager.run WHERE scope = $1
