-- One page of the runs, the newest first. $1: the run before the page, or NULL. $2: phase. $3: outcome. $4: a part of the
-- title, or the beginning of the id. $5: the most runs. A filter that is NULL lets every run pass.
WITH page AS (
    SELECT r.* FROM manager.run r
    WHERE ($1::uuid IS NULL OR (r.submitted_at, r.scope) < (SELECT b.submitted_at, b.scope FROM manager.run b WHERE b.scope = $1))
      AND ($2::text IS NULL OR r.phase = $2)
      AND ($3::text IS NULL OR r.outcome = $3)
      AND ($4::text IS NULL OR strpos(lower(r.title), lower($4)) > 0 OR starts_with(r.scope::text, lower($4)))
    ORDER BY r.submitted_at DESC, r.scope DESC LIMIT $5
)
SELECT r.scope AS run, r.title, r.phase, r.outcome, r.reason, r.submitted_at, r.ended_at, r.spent_usd, r.spent_tokens,
       r.commit_id, r.folder, r.branch, r.release_ref, r.shadow_of, r.override_of,
       (SELECT o.scope FROM manager.run o WHERE o.override_of = r.scope ORDER BY o.submitted_at DESC LIMIT 1)
           AS overridden_by,
       (SELECT count(*) FROM manager.task t WHERE t.scope = r.scope) AS tasks,
       (SELECT count(*) FROM manager.task t WHERE t.scope = r.scope AND t.phase = 'verified') AS verified
FROM page r ORDER BY r.submitted_at DESC, r.scope DESC
