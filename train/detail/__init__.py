"""Learning to enlarge: pictures as a coded generator draws them to photos of twice the size."""
