"""Whether another image may go to Imgur now: pauses, limits, a block, a budget of our own."""
