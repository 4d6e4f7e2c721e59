"""What watches an endpoint in Google Cloud: alerts, a dashboard, a log, whom they tell, and its budget."""
