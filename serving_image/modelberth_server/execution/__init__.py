"""From predictions to the model: batches, threads, limits, deadlines."""
