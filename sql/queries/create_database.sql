-- The embedded server's one database, made in single-user mode: one statement a line.
CREATE DATABASE aura OWNER aura;
