"""Which daemons there are, and which of them builds an image."""
