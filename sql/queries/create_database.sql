-- Creates the embedded server's database in single-user mode. In this mode each line must be one statement.
CREATE DATABASE aura OWNER aura;
