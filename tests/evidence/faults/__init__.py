"""Nothing lost: real kills, real disk errors, and a disk that forgets what was not synced."""
