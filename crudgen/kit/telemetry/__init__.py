"""What an application tells about its requests: metrics for Prometheus."""
