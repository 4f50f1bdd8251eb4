"""Bodies, options, ids and preferences: values, or a problem. Knows no resource."""
