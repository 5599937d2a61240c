"""What an application tells about its requests: metrics, and traces."""
