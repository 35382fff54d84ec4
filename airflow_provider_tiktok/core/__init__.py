"""Pure core: values in, values out. Knows neither Airflow nor network, clock or logging."""
