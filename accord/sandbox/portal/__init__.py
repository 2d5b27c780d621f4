"""The sandbox's customer portal: the API that documents are written to, and the page on which customers see them."""
