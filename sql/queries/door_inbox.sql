SELECT scope AS run, title, commit_id, folder, branch, spent_usd, spent_tokens, override_of FROM manager.run
WHERE phase = 'delivered' ORDER BY submitted_at
