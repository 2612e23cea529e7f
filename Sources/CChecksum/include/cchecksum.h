int cchecksum_placeholder(void);
