"""What is done for every request, one concern a module. Knows no resource."""
