"""HTTP as a client speaks it here: in bounded time, and in bounded memory."""
