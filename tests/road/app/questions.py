"""What `seaway load` sends."""

print('{"path": "/"}')
