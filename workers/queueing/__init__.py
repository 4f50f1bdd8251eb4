"""What the mailbox is made of: where URLs wait, whose turn it is, in whose hands they are."""
