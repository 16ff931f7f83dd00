"""What the components build; torch is imported here."""
