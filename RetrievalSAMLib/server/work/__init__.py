"""What the server does with what it is sent: uploads, the queue of runs, and the workers that do them, one a device."""
