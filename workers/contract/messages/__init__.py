"""Messages between the web process, the mailbox, the job table and the workers.

Each is immutable and picklable: it means the same on both sides of a process boundary, and nobody
can change it after it was sent. Imports values of the contract only.
"""
