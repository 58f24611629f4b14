"""Programs that run alone inside a box. They import nothing of this project."""
