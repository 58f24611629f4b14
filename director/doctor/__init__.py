"""`aura doctor`: checks of this machine, its sandbox and its servers."""
