-- Totals of each employee over all runs: `aura scores` and `aura costs` read this.
CREATE VIEW {schema}.score AS
SELECT key::uuid AS employee,
       sum(attempts)::bigint AS attempts,
       sum(calls)::bigint AS calls,
       sum(failed)::bigint AS failed,
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
       sum(verdict_us)::bigint AS verdict_us
FROM {schema}.account
GROUP BY key;
