"""What the migrations of a generated project consist of: copied to its folder `migrations`."""
