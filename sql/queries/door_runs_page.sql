-- A page of runs, the newest first. $1, $2: time and id of the last run of the page before, or NULL. $3: the most rows.
SELECT r.scope AS run, r.title, r.phase, r.outcome, r.reason, r.submitted_at, r.ended_at, r.spent_usd, r.spent_tokens,
       r.commit_id, r.folder, r.branch, r.release_ref, r.shadow_of, r.override_of,
       (SELECT o.scope FROM manager.run o WHERE o.override_of = r.scope ORDER BY o.submitted_at DESC LIMIT 1)
           AS overridden_by,
       (SELECT count(*) FROM manager.task t WHERE t.scope = r.scope) AS tasks,
       (SELECT count(*) FROM manager.task t WHERE t.scope = r.scope AND t.phase = 'verified') AS verified
FROM manager.run r
WHERE $1::bigint IS NULL OR (r.submitted_at, r.scope) < ($1, $2::uuid)
ORDER BY r.submitted_at DESC, r.scope DESC LIMIT $3
