"""The whole service under faults, between a simulated broker and Ably's stand-in."""
