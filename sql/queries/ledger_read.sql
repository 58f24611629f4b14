SELECT name, sha256 FROM public.migration
