"""The command `segment-identity`: one file for each of its commands, and `app`, which has them."""
