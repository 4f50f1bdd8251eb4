"""Values as bytes: JSON, ETags, compressed documents."""
