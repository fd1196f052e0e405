"""What travels: the shapes of requests and answers."""
