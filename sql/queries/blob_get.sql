SELECT digest, bytes FROM log.blob WHERE digest = ANY($1::text[])
