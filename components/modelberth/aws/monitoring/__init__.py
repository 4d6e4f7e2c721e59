"""What watches an endpoint in AWS: alarms, a dashboard, log groups, whom they tell, and its budget."""
