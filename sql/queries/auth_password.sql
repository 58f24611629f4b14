SELECT hash FROM auth.password WHERE user_id = $1
