CREATE TABLE IF NOT EXISTS public.migration (name text PRIMARY KEY, sha256 text NOT NULL, at timestamptz NOT NULL DEFAULT now())
