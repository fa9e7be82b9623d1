"""`watertower assess`: what numbers in a file mean, held against what somebody published."""
