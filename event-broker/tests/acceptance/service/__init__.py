"""The whole service under faults: shipped processes between a simulated broker and Ably's stand-in."""
