"""The only room that talks to AWS: keys, the store, queues, the directory, the table's shape."""
