-- Totals of each employee over all runs, for `aura scores` and `aura costs`.
-- trust: the mean of a Beta distribution, between 0 and 1. The prior is (1, 1). A rejected hand-in counts as one failure.
-- An answer without usable work also counts as one failure. A hand-in with a strike counts as five failures. An honest
-- "this cannot be done" counts as a quarter of a failure. Faults do not count.
CREATE VIEW {schema}.score AS
SELECT key::uuid AS employee,
       sum(attempts)::bigint AS attempts,
       sum(calls)::bigint AS calls,
       sum(failed)::bigint AS failed,
       sum(unusable)::bigint AS unusable,
       sum(declined)::bigint AS declined,
       sum(cut_off)::bigint AS cut_off,
       sum(verified)::bigint AS verified,
       sum(rejected)::bigint AS rejected,
       sum(integrity)::bigint AS integrity,
       sum(first_attempts)::bigint AS first_attempts,
       sum(first_verified)::bigint AS first_verified,
       sum(input_tokens)::bigint AS input_tokens,
       sum(output_tokens)::bigint AS output_tokens,
       sum(charged_tokens)::bigint AS charged_tokens,
       sum(charged_usd) AS charged_usd,
       sum(unpriced)::bigint AS unpriced,
       sum(latency_us)::bigint AS latency_us,
       sum(verdict_us)::bigint AS verdict_us,
       round(
           (sum(verified) + 1)
           / (sum(verified) + sum(rejected) + sum(unusable) + 4 * sum(integrity) + 0.25 * sum(declined) + 2), 3
       ) AS trust
FROM {schema}.account
GROUP BY key;
