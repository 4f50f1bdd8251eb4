"""Bodies, options, ids and preferences: values, or a problem."""
