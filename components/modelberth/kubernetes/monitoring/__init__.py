"""Metrics, alerts, the dashboard, traces and samples."""
