"""The same definition on several engines."""
