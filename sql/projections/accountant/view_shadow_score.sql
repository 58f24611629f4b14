-- Shadow runs of each employee, for `aura scores`. They are not part of the score, and they do not change its trust.
CREATE VIEW {schema}.shadow_score AS
SELECT key::uuid AS employee,
       count(*)::bigint AS tasks,
       sum(verified)::bigint AS verified,
       sum(rejected)::bigint AS rejected,
       sum(integrity)::bigint AS integrity,
       sum(charged_usd) AS charged_usd,
       sum(charged_tokens)::bigint AS charged_tokens
FROM {schema}.shadow_account
GROUP BY key;
