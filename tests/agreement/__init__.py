"""After any mix of what server, pages and time do, browser and server hold one identity."""
