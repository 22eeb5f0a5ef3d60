"""What the server does with what it is sent: uploads, the queue of runs, and the one worker that does them."""
