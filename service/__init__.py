"""The web side: takes jobs over HTTP, hands them to the actor side and tells how they stand."""
