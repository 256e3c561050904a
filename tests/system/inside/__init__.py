"""What runs inside a machine under test: lists of steps, each of which is one case of the tests outside."""
