"""The networks that the components build; ordinary torch modules."""
